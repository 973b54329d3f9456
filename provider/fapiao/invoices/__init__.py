"""The canonical invoice: model, identity, codes, values and checks. Pure; knows no vendor and no database."""
