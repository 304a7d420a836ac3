package part

// Kind is a part that has a name.
type Kind[T any] struct {
	Name  string
	About string // a line

	begin func() draft[T]
	back  func(T) (draft[T], bool) // nil: a part does not tell what it was made of
}

// draft is a part while its parameters are set.
type draft[T any] struct {
	parameters []Parameter
	make       func() T
}

// Of is a kind whose parts are made of an S, such as a struct of options. standard has the values that parameters have where a text
// does not say them, parameters binds these to an S, and of makes the part. back is the way from a part to its S, false for a part of
// another kind; nil where there is none.
func Of[T, S any](name, about string, standard S, parameters func(*S) []Parameter, of func(S) T, back func(T) (S, bool)) Kind[T] {
	draftOf := func(s S) draft[T] {
		at := &s
		return draft[T]{parameters(at), func() T { return of(*at) }}
	}
	k := Kind[T]{Name: name, About: about, begin: func() draft[T] { return draftOf(standard) }}
	if back != nil {
		k.back = func(t T) (draft[T], bool) {
			s, is := back(t)
			return draftOf(s), is
		}
	}
	return k
}

// Value is a kind whose parts are an S themselves, which must implement T.
func Value[T, S any](name, about string, standard S, parameters func(*S) []Parameter) Kind[T] {
	return Of(name, about, standard, parameters, func(s S) T { return any(s).(T) }, func(t T) (S, bool) {
		s, is := any(t).(S)
		return s, is
	})
}

// Single is a kind of one part, without parameters. T must be comparable.
func Single[T any](about string, single T, name string) Kind[T] {
	return Of(name, about, struct{}{}, func(*struct{}) []Parameter { return nil }, func(struct{}) T { return single },
		func(t T) (struct{}, bool) { return struct{}{}, any(t) == any(single) })
}

// Parameters are the kind's, with the values that they have where a text does not say them.
func (k Kind[T]) Parameters() []Parameter { return k.begin().parameters }

// Usual is the part of which a text says the name alone.
func (k Kind[T]) Usual() T { return k.begin().make() }

// Usual is what a parameter is where a text does not say it.
func (p Parameter) Usual() string { return p.text() }
