package module

func (v *value) asValue() {}
