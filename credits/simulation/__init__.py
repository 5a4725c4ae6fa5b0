"""What-if simulation: a document over stored records, beside the rules in force. It only reads."""
