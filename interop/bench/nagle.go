package main

import (
	"net"
	"slices"
	"time"
)

// nagleNegotiations is the number of negotiations of each variant, one after the other.
const nagleNegotiations = 100

// stall has the times of single negotiations, in ns.
type stall struct {
	name             string
	median, p99, max float64
}

// nagle measures single negotiations on TCP with TCP_NODELAY off at both ends. Then a
// second small write waits for the acknowledgement of the first, which the peer delays by
// about 40 ms.
func nagle(vs []variant) ([]stall, error) {
	var stalls []stall
	for _, v := range vs {
		a, b, err := connected("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		for _, conn := range []net.Conn{a, b} {
			if err := conn.(*net.TCPConn).SetNoDelay(false); err != nil {
				return nil, err
			}
		}
		took := make([]float64, 0, nagleNegotiations)
		ask := v.initiator.initiate(oneLength)(a)
		answered := make(chan error, 1)
		go func() { answered <- repeat(nagleNegotiations, v.responder.respond(oneLength)(b), b) }()
		err = repeat(nagleNegotiations, func() error {
			begin := time.Now()
			err := ask()
			took = append(took, float64(time.Since(begin)))
			return err
		}, a)
		if err2 := <-answered; err == nil {
			err = err2
		}
		a.Close()
		b.Close()
		if err != nil {
			return nil, err
		}
		slices.Sort(took)
		stalls = append(stalls, stall{v.name, quantile(took, 0.5), quantile(took, 0.99), quantile(took, 1)})
	}
	return stalls, nil
}
