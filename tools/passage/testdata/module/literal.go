package module

func literal(h holder) { unpacked(h.v) }
