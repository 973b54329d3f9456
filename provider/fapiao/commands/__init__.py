"""The commands of `fapiao`, a module each or for a few of a kind; `fapiao.cli` puts them together."""
