"""Data sets of pictures and what is known of them: simulated, from files, or from bags. No torch here."""
