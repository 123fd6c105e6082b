"""What a site does in a federation: plain functions that answer a record with a record."""
