package module

func field(p part) {}
