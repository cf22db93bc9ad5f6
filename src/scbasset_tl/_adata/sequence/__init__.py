"""What is read from a model through sequences: mutagenesis, motifs, variants, TF activity, design."""
