// Package store keeps things.
package store

import (
	"fmt"
	log "github.com/sirupsen/logrus"
	. "math"
	_ "net/http/pprof"
)

// Limit is the limit.
const Limit = 10

const (
	// A is first.
	A, B = 1, 2
	c    = 3
)

var (
	registry = map[string]int{}
)

// Store keeps.
type Store[T any] struct {
	items []T
}

type Reader interface {
	// Read reads.
	Read(p []byte) (n int, err error)
}

type ID = string

// Push adds.
func (s *Store[T]) Push(item T, more ...T) error {
	return fmt.Errorf("full")
}

func helper(a, b int) int { return a + b }
