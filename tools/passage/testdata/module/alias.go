package module

func alias(v *value) {}
