package serving

import (
	"strings"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// Route is a protocol and its target.
type Route struct {
	protocol string
	target   target
}

func (r Route) String() string { return terminal.QuoteName(r.protocol) + "=" + r.target.String() }

// defaultRoutes returns the routes of a server without arguments.
func defaultRoutes() []Route {
	return []Route{
		{"/echo/1.0.0", target{kind: "echo"}},
		{"/time/1.0.0", target{kind: "time"}},
	}
}

// EchoRoutes returns routes that send back what they receive.
func EchoRoutes(names []string) (routes []Route) {
	for _, name := range names {
		routes = append(routes, Route{name, target{kind: "echo"}})
	}
	return routes
}

// parseRoute reads PROTOCOL=TARGET. Both sides may contain "=", so the name
// ends at the first one that is followed by the beginning of a target:
// "/a=b/1.0.0=static:x=y" serves "/a=b/1.0.0" with the text "x=y".
func parseRoute(s string) (Route, error) {
	for i := range len(s) {
		if s[i] != '=' {
			continue
		}
		t, known := splitTarget(s[i+1:])
		if !known {
			continue
		}
		if err := t.check(); err != nil {
			return Route{}, exit.Usagef("%s: %v", s, err)
		}
		return Route{s[:i], t}, nil
	}
	name, rest, named := strings.Cut(s, "=")
	if !named {
		return Route{}, exit.Usagef("%s: no target is given: write %s=TARGET\nTARGET is one of: %s", s, s, targetForms)
	}
	return Route{}, exit.Usagef("%s: %q is no target for %s\nTARGET is one of: %s", s, rest, name, targetForms)
}

// ParseRoutes reads the arguments of a server. Without any it returns the default.
func ParseRoutes(args []string) ([]Route, error) {
	if len(args) == 0 {
		return defaultRoutes(), nil
	}
	var routes []Route
	for _, arg := range args {
		r, err := parseRoute(arg)
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// AddFallback reads the value of --fallback: PROTOCOL=TARGET, which is added to the routes, or
// the name of one of them. It returns the name of the protocol.
func AddFallback(s string, routes []Route) (string, []Route, error) {
	for _, r := range routes {
		if r.protocol == s {
			return s, routes, nil
		}
	}
	if s == "" {
		return "", routes, nil
	}
	r, err := parseRoute(s)
	if err != nil && !strings.Contains(s, "=") {
		err = exit.Usagef("--fallback %s: it is not served: write a served PROTOCOL, or PROTOCOL=TARGET", terminal.QuoteName(s))
	}
	return r.protocol, append(routes, r), err
}

// splitTarget reports whether s begins like a target.
func splitTarget(s string) (t target, known bool) {
	for _, kind := range TargetKinds {
		if rest, ok := strings.CutPrefix(s, kind); ok && (strings.HasSuffix(kind, ":") || rest == "") {
			return target{strings.TrimSuffix(kind, ":"), rest}, true
		}
	}
	return target{}, false
}
