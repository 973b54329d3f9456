"""What is done with stored answers without asking a vendor: interpreted again, held to the personal data policy, purged."""
