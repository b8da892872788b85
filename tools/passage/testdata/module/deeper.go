package module

func (p *part) deeper() {}
