// Manifest-reader reads what keymeter is deployed with, each kind by the code of the program that will read it there:
// Helm's engine and linter with the types of Kubernetes, the loader of docker compose, the Dockerfile parser of BuildKit.
// One request per line of standard input, one answer per line of standard output, both JSON. It starts nothing and
// talks to no server.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

const longestLine = 16 << 20

// Request says what to read; which fields matter depends on Read.
type Request struct {
	Read string `json:"read"` // chart, compose or dockerfile
	Path string `json:"path"`
	// Of a chart:
	Release    string         `json:"release"`
	Namespace  string         `json:"namespace"`
	ValuesFile string         `json:"valuesFile"`
	Values     map[string]any `json:"values"` // these stand before those of the file
	// Of a compose file:
	Environment map[string]string `json:"environment"`
	Profiles    []string          `json:"profiles"`
}

// Answer has Error alone where the file was refused.
type Answer struct {
	Error string `json:"error,omitempty"`
	Read  any    `json:"read,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for lines.Scan() {
		if err := answers.Encode(answer(lines.Bytes())); err != nil {
			fail(err)
		}
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
}

func answer(line []byte) Answer {
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		return Answer{Error: err.Error()}
	}
	read, err := read(request)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	return Answer{Read: read}
}

func read(request Request) (any, error) {
	switch request.Read {
	case "chart":
		return readChart(request)
	case "compose":
		return readCompose(request)
	case "dockerfile":
		return readDockerfile(request.Path)
	}
	return nil, fmt.Errorf("there is nothing called %q to read", request.Read)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
