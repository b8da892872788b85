package module

func (p *part) promoted() { p.deeper() }
