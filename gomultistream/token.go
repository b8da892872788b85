package multistream

import (
	"errors"
	"io"

	"github.com/multiselect/multiselect"
)

// ReadNextToken reads one message and returns its text. See [ReadNextTokenBytes].
func ReadNextToken[T StringLike](r io.Reader) (T, error) {
	text, err := ReadNextTokenBytes(r)
	return T(text), err
}

// ReadNextTokenBytes reads one message and returns its text, without the newline.
// It reads no further than to the end of the message; of what is no message, two
// bytes at most.
func ReadNextTokenBytes(r io.Reader) ([]byte, error) {
	text, err := multiselect.NewCommunicator(source{r}).ReadMessage()
	if err != nil {
		return nil, failure(err)
	}
	return []byte(text), nil
}

// source is a stream that can only be read.
type source struct{ io.Reader }

func (source) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (source) Close() error              { return nil }
