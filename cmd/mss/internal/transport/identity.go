package transport

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"

	"github.com/libp2p/go-libp2p/core/crypto"
	peerid "github.com/libp2p/go-libp2p/core/peer"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// identity is a libp2p identity: the key of a peer, and the ID that follows from it.
type identity struct {
	key crypto.PrivKey
	id  peerid.ID
}

// newIdentity makes an identity that exists only in this process.
func newIdentity() (identity, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return identity{}, exit.AsLocal("making a key", err)
	}
	id, err := peerid.IDFromPrivateKey(key)
	return identity{key, id}, exit.AsLocal("making a key", err)
}

// identity returns the identity for a multiaddr: that of KeyFile, or one made for this run.
// The multiaddr must name no other one.
func (c *Certificates) identity(a address.Address) (identity, error) {
	if c.KeyFile == "" {
		if a.ID != "" {
			return identity{}, exit.Usagef("%s names a peer, and without --key the identity is made for this run: leave /p2p/ out, or add --key FILE", a)
		}
		return newIdentity()
	}
	text, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return identity{}, exit.AsLocal("--key", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return identity{}, exit.AsLocal("--key "+c.KeyFile, err)
	}
	id, err := peerid.IDFromPrivateKey(key)
	if err != nil {
		return identity{}, exit.AsLocal("--key "+c.KeyFile, err)
	}
	if a.ID != "" && a.ID != id {
		return identity{}, exit.Usagef("%s names another peer than --key %s, which is %s", a, c.KeyFile, id)
	}
	return identity{key, id}, nil
}

// parseKey reads a private key in PEM, as openssl writes it, or in the encoding of libp2p.
func parseKey(text []byte) (crypto.PrivKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		key, err := crypto.UnmarshalPrivateKey(text)
		if err != nil {
			return nil, errors.New("no private key in it, neither PEM nor that of a libp2p peer")
		}
		return key, nil
	}
	key, err := parsePEM(block)
	if err != nil {
		return nil, err
	}
	if e, ok := key.(ed25519.PrivateKey); ok {
		key = &e // the form that libp2p takes
	}
	own, _, err := crypto.KeyPairFromStdKey(key)
	return own, err
}

func parsePEM(block *pem.Block) (any, error) {
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}
