// Package module has a passage for every rule.
package module

import (
	"fmt"

	"example.org/module/sub"
)

type part struct{ n int }

type value struct {
	part
	names []string
	each  map[string]part
	out   interface{ end(v *value) }
}

// Plain passes v on, and through what it does not follow.
func (t value) Plain(v *value, other *value) {
	direct(v)
	otherOnly(other)
	fmt.Println(v)
	v.out.end(v)
	f := func(w *value) { unreached(w) }
	f(v)
	t.names = v.names
	returned(nil)
}

// Receiver passes v on as a receiver.
func Receiver(v *value) {
	v.method()
	v.promoted()
	defer fmt.Println(v.asValue)
}

// Parts passes parts of v on.
func Parts(v *value) {
	field(v.part)
	element(v.names[0])
	slice(v.names[:1]...)
	for _, name := range v.names {
		rangeValue(name)
	}
	for i := range v.names {
		unreachedIndex(i)
	}
	for key := range v.each {
		rangeKey(key)
	}
	sub.Convert([]byte(v.names[1]))
}

// List passes elements on.
func List(names []string) {
	element(names[0])
	slice(names...)
}

// Held passes on what holds v.
func Held(v *value) {
	w := v
	alias(w)
	literal(holder{v: w})
	go func(x *value) { inLiteral(x) }(v)
	var a any = v
	switch b := a.(type) {
	case *value:
		asserted(b)
	}
	if c, ok := a.(*value); ok {
		generic[*value](c)
	}
}

// Returned is not followed.
func Returned(v *value) *value {
	direct2 := returned(v)
	unreached(direct2)
	return v
}

type holder struct{ v *value }
