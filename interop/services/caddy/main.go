// Caddy is Caddy with the balancer of TCP connections of the plugin caddy-l4, as xcaddy builds it.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/mholt/caddy-l4/layer4"
	_ "github.com/mholt/caddy-l4/modules/l4proxy"
)

func main() { caddycmd.Main() }
