"""What people decide: a match's verdict, and whether a reference picture is believed."""
