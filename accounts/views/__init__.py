"""Pages of this app: parse, call one selector or service, render."""
