"""Which of thousands of pictures are worth comparing with one."""
