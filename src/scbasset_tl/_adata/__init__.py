"""The only code that knows AnnData and MuData: find, check and store slots."""
