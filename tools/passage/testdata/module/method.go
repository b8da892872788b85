package module

func (v *value) method() {}
