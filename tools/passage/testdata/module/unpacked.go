package module

func unpacked(v *value) {}
