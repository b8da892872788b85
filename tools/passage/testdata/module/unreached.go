package module

func unreached(v *value) {}

func unreachedIndex(i int) {}

func (value) end(v *value) {}
