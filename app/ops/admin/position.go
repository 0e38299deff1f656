package admin

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Position is where a message lies. As long as it is kept, it alone lies there, whatever it
// is: what is no event has no id, and several services may fail at one event.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String is TOPIC/PARTITION/OFFSET.
func (p Position) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }

var errPosition = errors.New("it is TOPIC/PARTITION/OFFSET, or PARTITION/OFFSET of the topic given")

// ParsePosition reads TOPIC/PARTITION/OFFSET, or PARTITION/OFFSET, whose topic is empty.
func ParsePosition(text string) (Position, error) {
	parts := strings.Split(text, "/")
	if len(parts) == 2 {
		parts = append([]string{""}, parts...)
	}
	if len(parts) != 3 {
		return Position{}, errPosition
	}
	partition, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil || partition < 0 {
		return Position{}, errPosition
	}
	offset, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || offset < 0 {
		return Position{}, errPosition
	}
	return Position{parts[0], int32(partition), offset}, nil
}
