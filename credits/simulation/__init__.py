"""What-if simulation: a document over stored records, beside the rules in force. It reads; it writes its report alone."""
