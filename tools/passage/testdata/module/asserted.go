package module

func asserted(v *value) {}
