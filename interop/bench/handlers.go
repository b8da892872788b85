package main

import "fmt"

// handlerCounts are how many protocols a responder serves; the one that was
// registered last is negotiated.
var handlerCounts = []int{1, 10, 100, 1000, 10_000, 100_000}

// serving is a talk with a responder of n protocols.
func serving(n int) talk {
	return talk{fmt.Sprintf("%d handlers", n), []string{id}, crowd(n)}
}

// handlerCost is what n handlers cost: the CPU of the responder alone, and its
// ratio to the floor on TCP.
type handlerCost struct {
	handlers int
	cpu, tcp results
}

// raceHandlers compares the responders with n handlers each.
func raceHandlers(rounds int, counts []int) ([]handlerCost, error) {
	var costs []handlerCost
	for _, n := range counts {
		t := serving(n)
		cpu, err := race(rounds, []contender{
			responderAlone(oursFree, t), responderAlone(ours, t), responderAlone(goms, t),
		})
		if err != nil {
			return nil, err
		}
		tcp, err := raceOn(transportNamed("TCP"), rounds, t,
			find(theFloor, "ours~ours, no budget", "ours~ours", "goms~goms"))
		if err != nil {
			return nil, err
		}
		costs = append(costs, handlerCost{n, cpu, tcp})
	}
	return costs, nil
}

// raceOn compares variants on one stream of a transport.
func raceOn(tr transport, rounds int, t talk, vs []variant) (results, error) {
	l, err := tr.open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tr.name, err)
	}
	defer l.close()
	var contenders []contender
	for _, v := range vs {
		contenders = append(contenders, v.start(t, l.initiator, l.responder))
	}
	r, err := race(rounds, contenders)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", tr.name, t.name, err)
	}
	return r, nil
}
