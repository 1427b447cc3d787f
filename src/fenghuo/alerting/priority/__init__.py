"""How urgent an alert is, and what follows from that: who is told besides, and how often they are reminded."""
