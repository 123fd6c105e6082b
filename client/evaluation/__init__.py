"""A site's patients and their scores turned into what results.json says of them; plain functions of one table."""
