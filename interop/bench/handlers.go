package main

import "fmt"

// handlerCounts are the numbers of protocols that a responder serves. The one that was
// registered last is negotiated.
var handlerCounts = []int{1, 10, 100, 1000, 10_000, 100_000}

// serving is a scenario with a responder of n protocols.
func serving(n int) scenario {
	return scenario{fmt.Sprintf("%d handlers", n), []string{id}, crowdNames(n)}
}

// handlerCost is the cost of n handlers: the CPU time of the responder alone, and its ratio
// to the floor on TCP.
type handlerCost struct {
	handlers int
	cpu, tcp results
}

// raceHandlers compares the responders with n handlers each.
func raceHandlers(rounds int, counts []int) ([]handlerCost, error) {
	var costs []handlerCost
	for _, n := range counts {
		s := serving(n)
		cpu, err := race(rounds, []contender{
			soloResponder(ours, s), soloResponder(oursNoLimit, s), soloResponder(goms, s),
		})
		if err != nil {
			return nil, err
		}
		tcp, err := raceOn(transportNamed("TCP"), rounds, s, handlerVariants)
		if err != nil {
			return nil, err
		}
		costs = append(costs, handlerCost{n, cpu, tcp})
	}
	return costs, nil
}

// raceOn compares variants on one stream of a transport.
func raceOn(tr transport, rounds int, s scenario, vs []variant) (results, error) {
	l, err := tr.open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tr.name, err)
	}
	defer l.close()
	var contenders []contender
	for _, v := range vs {
		contenders = append(contenders, v.start(s, l.initiator, l.responder))
	}
	r, err := race(rounds, contenders)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", tr.name, s.name, err)
	}
	return r, nil
}
