"""What all processes share about a marketplace account: its pace and its memory."""
