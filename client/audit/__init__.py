"""A site's audit trail: every message in and out, and every decision, in a chain of hashes."""
