// Program golibp2p puts the host of go-libp2p behind the contract: its NewStream
// and its stream handler, on streams that are TCP connections.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect/interop/peers/contract"
)

func main() {
	h, err := newHost()
	if err != nil {
		panic(err)
	}
	contract.Main(contract.Program{Initiate: h.initiate, Respond: h.respond})
}

type host struct {
	*basichost.BasicHost
	swarm  *swarm.Swarm
	report func(contract.Outcome) // of a responder
}

func newHost() (*host, error) {
	secret, id, err := newIdentity()
	if err != nil {
		return nil, err
	}
	peers, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, err
	}
	if err := peers.AddPrivKey(id, secret); err != nil {
		return nil, err
	}
	if err := peers.AddPubKey(id, secret.GetPublic()); err != nil {
		return nil, err
	}
	bus := eventbus.NewBus()
	h := &host{}
	if h.swarm, err = swarm.NewSwarm(id, peers, bus); err != nil {
		return nil, err
	}
	if err := h.swarm.AddTransport(&bare{host: h, id: id}); err != nil {
		return nil, err
	}
	if h.BasicHost, err = basichost.NewHost(h.swarm, &basichost.HostOpts{EventBus: bus, DisableSignedPeerRecord: true}); err != nil {
		return nil, err
	}
	h.Start()
	return h, nil
}

// newIdentity makes a peer up: nothing authenticates anybody here, and a host
// has one connection to a peer.
func newIdentity() (crypto.PrivKey, peer.ID, error) {
	secret, public, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	id, err := peer.IDFromPublicKey(public)
	return secret, id, err
}

func (h *host) initiate(parent context.Context, job contract.Job) (o contract.Outcome) {
	if job.LS {
		return contract.Failure(contract.Unsupported, errors.New("a host of go-libp2p does not ask for lists"))
	}
	tcp, err := net.ResolveTCPAddr("tcp", job.Address)
	if err != nil {
		return contract.Failure(contract.Local, err)
	}
	address, err := manet.FromNetAddr(tcp)
	if err != nil {
		return contract.Failure(contract.Local, err)
	}
	_, id, err := newIdentity()
	if err != nil {
		return contract.Failure(contract.Local, err)
	}
	ctx, cancel := context.WithTimeout(context.WithValue(parent, theStream{}, true), job.Timeout)
	defer cancel()
	defer h.Peerstore().RemovePeer(id)
	if err := h.Connect(ctx, peer.AddrInfo{ID: id, Addrs: []multiaddr.Multiaddr{address}}); err != nil {
		return contract.Failure(contract.Local, err)
	}
	if job.Lazy { // a host is lazy when it knows what the peer speaks
		h.Peerstore().AddProtocols(id, protocol.ID(job.Protocols[0]))
	}
	stream, err := h.NewStream(ctx, id, protocol.ConvertFromStrings(job.Protocols)...)
	if err != nil {
		return contract.Failure(class(err), err)
	}
	defer stream.Conn().Close()
	stop := context.AfterFunc(parent, func() { stream.Reset() })
	defer stop()
	if deadline, ok := ctx.Deadline(); ok && job.Lazy {
		stream.SetDeadline(deadline) // what is left of the negotiation comes with the first Read
	}
	o.Protocol = string(stream.Protocol())
	o.Talk(job, stream, class)
	return o
}

func (h *host) respond(listen string, protocols []string, report func(contract.Outcome)) error {
	h.report = report
	tcp, err := net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return err
	}
	address, err := manet.FromNetAddr(tcp)
	if err != nil {
		return err
	}
	for _, name := range protocols {
		h.SetStreamHandler(protocol.ID(name), h.serve)
	}
	if err := h.swarm.Listen(address); err != nil {
		return err
	}
	bound, err := manet.ToNetAddr(h.swarm.ListenAddresses()[0])
	if err != nil {
		return err
	}
	report(contract.Outcome{OK: true, Address: bound.String()})
	select {}
}

// serve is the handler of all protocols.
func (h *host) serve(s network.Stream) {
	remote, err := manet.ToNetAddr(s.Conn().RemoteMultiaddr())
	if err != nil {
		panic(err) // the address is a TCP address that transport.go made
	}
	o := contract.Outcome{Remote: remote.String()}
	o.Answer(string(s.Protocol()), s)
	h.report(o)
}

func class(err error) string {
	if errors.Is(err, multistream.ErrNotSupported[protocol.ID]{}) {
		return contract.Refused
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return contract.Timeout
	}
	return contract.Classify(err)
}
