"""The IMAP binding: framing, transcripts, the storage session and the recording proxy."""
