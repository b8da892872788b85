package transport

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// The identity of a key file lasts, in PEM and in the encoding of libp2p, and an address that
// names another one is refused.
func TestIdentity(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	own, err := crypto.UnmarshalEd25519PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := crypto.MarshalPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	raw := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(raw, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	var first identity
	for _, file := range []string{writePEM(t, "PRIVATE KEY", der), raw} {
		certs := &Certificates{KeyFile: file}
		self, err := certs.identity(parse(t, "/ip4/127.0.0.1/tcp/0"))
		if err != nil || first.key != nil && self.id != first.id {
			t.Errorf("%s: %v, want %v: %v", file, self.id, first.id, err)
		}
		first = self
		if _, err := certs.identity(parse(t, "/ip4/127.0.0.1/tcp/0/p2p/"+self.id.String())); err != nil {
			t.Error(err)
		}
		other, err := newIdentity()
		if err != nil {
			t.Fatal(err)
		}
		_, err = certs.identity(parse(t, "/ip4/127.0.0.1/tcp/0/p2p/"+other.id.String()))
		if exit.Code(err) != exit.Usage || !strings.HasSuffix(err.Error(), "which is "+self.id.String()) {
			t.Errorf("another peer: %v", err)
		}
	}
}
