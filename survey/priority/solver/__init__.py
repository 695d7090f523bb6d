"""Which areas, by which method and crew, in which order: the choice under given means, and what it is compared with."""
