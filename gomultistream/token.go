package multistream

import (
	"errors"
	"io"

	"github.com/multiselect/multiselect"
)

// ReadNextToken reads one message and returns its text, like [ReadNextTokenBytes].
func ReadNextToken[T StringLike](r io.Reader) (T, error) {
	text, err := ReadNextTokenBytes(r)
	return T(text), err
}

// ReadNextTokenBytes reads one message and returns its text, without the newline. It
// reads up to the end of the message; of input that is no message, at most two bytes.
func ReadNextTokenBytes(r io.Reader) ([]byte, error) {
	text, err := multiselect.NewCommunicator(readOnly{r}).ReadMessage()
	if err != nil {
		return nil, compatibleError(err)
	}
	return []byte(text), nil
}

// readOnly is a stream that can only be read.
type readOnly struct{ io.Reader }

func (readOnly) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (readOnly) Close() error              { return nil }
