// Command alertmanager-routes times Alertmanager's route tree on the rules and signals that the row
// `matching` of bench writes into a file.
//
// It reads the file named by its argument and prints one line of JSON. Every rule is a route with
// `continue: true` under one root, so that all that match are found, as a rule engine has to.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
)

type matcher struct {
	Name  string `json:"name"`
	Op    string `json:"op"`
	Value string `json:"value"`
}

type input struct {
	Milliseconds int64            `json:"milliseconds"`
	Routes       [][]matcher      `json:"routes"`
	Signals      []model.LabelSet `json:"signals"`
}

type output struct {
	// Signals matched, and the processor time that took.
	Signals    int   `json:"signals"`
	Nanosecond int64 `json:"nanoseconds"`
	// Routes matched by each of the first signals, as many as were timed.
	Matched []int `json:"matched"`
}

var operators = map[string]labels.MatchType{
	"=":  labels.MatchEqual,
	"!=": labels.MatchNotEqual,
	"=~": labels.MatchRegexp,
	"!~": labels.MatchNotRegexp,
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	file, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var in input
	if err := json.Unmarshal(file, &in); err != nil {
		return err
	}
	root, err := tree(in.Routes)
	if err != nil {
		return err
	}
	out := output{}
	root.Match(in.Signals[0])
	began := processorTime()
	for _, signal := range in.Signals {
		found := root.Match(signal)
		count := len(found)
		if count == 1 && found[0] == root {
			count = 0
		}
		out.Matched = append(out.Matched, count)
		out.Signals++
		out.Nanosecond = processorTime() - began
		if out.Nanosecond > in.Milliseconds*int64(time.Millisecond) {
			break
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func tree(rules [][]matcher) (*dispatch.Route, error) {
	root := &config.Route{Receiver: "root"}
	// Equal regular expressions are shared, which is more than the configuration file would give.
	known := map[matcher]*labels.Matcher{}
	for _, rule := range rules {
		child := &config.Route{Receiver: "receiver", Continue: true}
		for _, condition := range rule {
			compiled, ok := known[condition]
			if !ok {
				op, ok := operators[condition.Op]
				if !ok {
					return nil, fmt.Errorf("unknown operator %q", condition.Op)
				}
				var err error
				name, value := strings.Clone(condition.Name), strings.Clone(condition.Value)
				if compiled, err = labels.NewMatcher(op, name, value); err != nil {
					return nil, err
				}
				known[condition] = compiled
			}
			child.Matchers = append(child.Matchers, compiled)
		}
		root.Routes = append(root.Routes, child)
	}
	return dispatch.NewRoute(root, nil), nil
}

// processorTime is what this process has used of all processors, in nanoseconds.
func processorTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
