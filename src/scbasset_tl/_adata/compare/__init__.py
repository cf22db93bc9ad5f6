"""Cells beside other cells: votes on labels, generated beside real."""
