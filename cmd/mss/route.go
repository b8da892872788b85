package main

import (
	"strings"
)

// route is a protocol and its target.
type route struct {
	protocol string
	target   target
}

func (r route) String() string { return display(r.protocol) + "=" + r.target.String() }

// defaultRoutes returns the routes of a server without arguments.
func defaultRoutes() []route {
	return []route{
		{"/echo/1.0.0", target{kind: "echo"}},
		{"/time/1.0.0", target{kind: "time"}},
	}
}

// parseRoute reads PROTOCOL=TARGET. Both sides may contain "=", so the name
// ends at the first one that is followed by the beginning of a target:
// "/a=b/1.0.0=static:x=y" serves "/a=b/1.0.0" with the text "x=y".
func parseRoute(s string) (route, error) {
	for i := range len(s) {
		if s[i] != '=' {
			continue
		}
		t, known := splitTarget(s[i+1:])
		if !known {
			continue
		}
		if err := t.check(); err != nil {
			return route{}, usagef("%s: %v", s, err)
		}
		return route{s[:i], t}, nil
	}
	name, rest, named := strings.Cut(s, "=")
	if !named {
		return route{}, usagef("%s: no target is given: write %s=TARGET\nTARGET is one of: %s", s, s, targetForms)
	}
	return route{}, usagef("%s: %q is no target for %s\nTARGET is one of: %s", s, rest, name, targetForms)
}

func parseRoutes(args []string) ([]route, error) {
	if len(args) == 0 {
		return defaultRoutes(), nil
	}
	var routes []route
	for _, arg := range args {
		r, err := parseRoute(arg)
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// splitTarget reports whether s begins like a target.
func splitTarget(s string) (t target, known bool) {
	for _, kind := range targetKinds {
		if rest, ok := strings.CutPrefix(s, kind); ok && (strings.HasSuffix(kind, ":") || rest == "") {
			return target{strings.TrimSuffix(kind, ":"), rest}, true
		}
	}
	return target{}, false
}
