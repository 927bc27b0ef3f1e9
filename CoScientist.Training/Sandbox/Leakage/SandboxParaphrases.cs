namespace CoScientist.Training.Sandbox.Leakage;

/// <summary>Each way of the world in other words that share no content word with it: what a goal that gives a decision away may also say. No other part of the world knows them.</summary>
internal static class SandboxParaphrases
{
    /// <summary>By facet and way, as <see cref="SandboxWords.Facets"/> has them.</summary>
    public static readonly string[][] Ways =
    [
        ["asking about those near the boundary", "taking more of one sort", "choosing parts by lot", "joining many stores", "inventing made-up entries", "signing people up as they come"],
        ["leaving complete centres aside", "testing on the latest period", "letting each slice be tested once", "setting lines aside by lot", "dividing within each result class", "never parting relatives"],
        ["putting lookalikes together", "shuffling who comes first", "adding a pretended treatment", "setting it against a plain heuristic", "taking former endings as yardstick", "trading places in the middle"],
        ["taking every value twice", "tuning to known references", "looking at positions alone", "relying on a first stand-in", "hiding the arm from raters", "letting expensive mistakes matter more"],
        ["fitting what brings it about", "counting each by its chance of treatment", "pulling weak terms to zero", "sieving by reshuffled labels", "leaning on accidents in the world", "describing grades of illness"],
        ["redrawing centres with replacement", "stating precise bounds", "showing the belief after the data", "carrying the gauge's fault along", "paying for many looks", "playing out the case of no effect"],
        ["changing what comes in", "dropping one centre at a time", "mixing in synthetic disturbance", "trying other kinds of learner", "moving the limit", "running past traces again"],
        ["taking names away", "asking a review committee", "locking the pieces with keys", "putting staff behind cover", "letting few people in", "releasing sums alone"],
        ["ending at a set mark", "taking what is freely available", "beginning with a small trial", "going from inexpensive to dear", "dividing computer time", "keeping what was computed"],
        ["taking pieces away one by one", "following a label", "giving more and less of it", "studying errors in turn", "using a smaller model of the law", "setting highest against lowest"],
        ["filing the evaluation beforehand", "leaving the program untouched", "declaring the main endpoint", "locking the final examination", "choosing limits for action early", "writing down every alteration"],
        ["filling in repeatedly", "describing who leaves", "calling those who kept silent", "marking what is blank", "cutting off the tardy", "throwing failed trials away"],
    ];
}
