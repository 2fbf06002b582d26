"""What a queue does with given agents: Erlang B, C, A and beyond, chats, hours that depend on each other."""
