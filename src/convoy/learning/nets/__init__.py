"""Networks, as functions of plain arguments."""
