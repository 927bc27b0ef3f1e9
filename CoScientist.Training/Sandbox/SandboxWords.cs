namespace CoScientist.Training.Sandbox;

/// <summary>One kind of decision that a plan takes, with everything the world can say about it.</summary>
/// <param name="Name">Short name, for people.</param>
/// <param name="Actions">What is done, after "we".</param>
/// <param name="Nouns">How rubric items call it.</param>
/// <param name="Reasons">Good reasons, after "because".</param>
/// <param name="Ways">Ways to do it, after "by"; their last words differ within a facet.</param>
internal sealed record Facet(string Name, string[] Actions, string[] Nouns, string[] Reasons, string[] Ways);

/// <summary>The words of the world. Phrases that mean the same stand side by side; the first of a pair is not preferred.</summary>
internal static class SandboxWords
{
    /// <summary>Ways per facet.</summary>
    public const int WaysPerFacet = 6;

    public static readonly string[] Domains = ["ml", "medicine", "physics"];

    public static readonly string[] DomainNames = ["machine learning", "clinical medicine", "experimental physics"];

    /// <summary>Topics by domain.</summary>
    public static readonly string[][] Topics =
    [
        ["image captioning", "speech recognition", "click forecasting", "code completion", "fraud detection", "machine translation", "robot grasping", "spam filtering"],
        ["asthma attacks", "sepsis alarms", "knee surgery", "migraine drugs", "wound healing", "sleep apnea", "kidney failure", "vaccine uptake"],
        ["laser cooling", "plasma heating", "neutrino counts", "crystal growth", "magnetic sensors", "fluid turbulence", "quantum dots", "solar flares"],
    ];

    /// <summary>What a group wants; {0} is the topic.</summary>
    public static readonly string[][] Aims =
    [
        ["forecast how {0} will turn out", "tell early what happens in {0}"],
        ["find out whether a new method changes {0}", "learn if a new treatment affects {0}"],
        ["decide which of two approaches to {0} works better", "rank two rival ways to handle {0}"],
        ["understand why {0} sometimes fails", "explain the odd failures seen in {0}"],
    ];

    /// <summary>Circumstances that make a study hard.</summary>
    public static readonly string[][] Features =
    [
        ["only a handful of cases carry labels", "experts have labelled very few cases"],
        ["the records were kept without any experiment", "nobody assigned who got which condition"],
        ["money for the study is short", "the budget is small"],
        ["readings from the sensor drift", "the instrument is noisy"],
        ["the result will be used in unfamiliar places", "later use differs from the recorded past"],
        ["the event of interest is seldom seen", "positive cases are rare"],
        ["the records hold personal details", "the material is sensitive"],
        ["outcomes become known only after months", "the true answer arrives late"],
        ["hundreds of candidate factors were noted", "there are far more variables than cases"],
    ];

    /// <summary>How rubric items call what makes a requirement necessary: features, then aims, then domains.</summary>
    public static readonly string[][] TriggerNouns =
    [
        ["thin supervision", "scarce annotation"],
        ["selection effects", "hidden self selection"],
        ["tight means", "limited funds"],
        ["imprecise signals", "unstable gauges"],
        ["a changed setting", "transfer elsewhere"],
        ["skewed frequencies", "extreme imbalance"],
        ["confidential content", "private matter"],
        ["slow feedback", "lagging truth"],
        ["excess dimensions", "spurious predictors"],
        ["foresight", "advance warning"],
        ["intervention claims", "an effect claim"],
        ["head to head choice", "fair rivalry"],
        ["root analysis", "diagnosis"],
        ["learner pitfalls", "training leakage"],
        ["bedside duty", "human participants"],
        ["apparatus limits", "background counts"],
    ];

    public static readonly Facet[] Facets =
    [
        new("intake", ["obtain cases", "gather examples"], ["case selection", "the intake"], ["the sample shapes everything", "unsuitable cases mislead"],
            ["querying borderline cases", "oversampling one kind", "drawing random subsets", "pooling several archives", "simulating artificial records", "enrolling volunteers in order"]),
        new("split", ["split the data", "divide the material"], ["the partition", "test separation"], ["overlap inflates scores", "testing needs fresh material"],
            ["holding out whole sites", "holding out recent months", "rotating through folds", "holding out random rows", "stratifying on outcome", "keeping families together"]),
        new("comparison", ["set a comparison", "choose a reference arm"], ["the contrast", "the benchmark arm"], ["gains need a yardstick", "effects are relative"],
            ["matching similar pairs", "randomising the order", "running a sham condition", "using a simple rule", "reusing archived outcomes", "swapping roles halfway"]),
        new("outcome", ["measure the outcome", "score the result"], ["the endpoint", "outcome measurement"], ["the score steers conclusions", "a poor measure hides change"],
            ["repeating each reading", "calibrating against standards", "counting ranks only", "trusting an early proxy", "blinding the assessors", "weighing costly errors"]),
        new("adjustment", ["adjust for other factors", "separate the influences"], ["the adjustment", "influence separation"], ["mixed causes confuse", "several influences act together"],
            ["regressing on causes", "weighting by propensity", "shrinking small coefficients", "screening with permutations", "using natural instruments", "modelling severity bands"]),
        new("uncertainty", ["state the uncertainty", "report error bars"], ["the error statement", "interval reporting"], ["a bare number deceives", "readers must judge doubt"],
            ["bootstrapping over sites", "giving exact intervals", "reporting a posterior", "propagating device error", "correcting multiple tests", "simulating the null"]),
        new("robustness", ["test robustness", "stress the finding"], ["the stress test", "finding stability"], ["fragile findings spread", "one setting proves little"],
            ["shifting input conditions", "leaving sites out", "adding artificial noise", "swapping model families", "varying the cutoff", "replaying old logs"]),
        new("safety", ["protect those involved", "keep everyone safe"], ["the safeguard", "harm prevention"], ["harm ends trust", "safety comes first"],
            ["stripping identities", "consulting an ethics board", "encrypting the shards", "shielding the operators", "restricting access", "publishing totals only"]),
        new("cost", ["limit the cost", "save effort"], ["the spending", "resource use"], ["waste blocks later work", "resources run out"],
            ["stopping by rule", "reusing public resources", "running a pilot", "trying cheap options first", "sharing machine hours", "caching earlier runs"]),
        new("mechanism", ["probe the mechanism", "look for causes"], ["the causal account", "mechanism checks"], ["knowing why guides repair", "correlation alone misleads"],
            ["removing single parts", "tracing a marker", "varying the dose", "reading failures closely", "fitting reduced theory", "contrasting extreme groups"]),
        new("commitment", ["fix choices in advance", "commit beforehand"], ["the prior commitment", "choice discipline"], ["late choices flatter", "freedom invites bias"],
            ["registering the analysis", "freezing the code", "naming primary outcomes", "sealing the test set", "setting decision thresholds", "logging each change"]),
        new("gaps", ["handle gaps", "treat missing entries"], ["the gap treatment", "incomplete records"], ["gaps are seldom random", "holes distort averages"],
            ["imputing several times", "modelling dropout", "phoning nonresponders", "flagging empty fields", "censoring late cases", "discarding broken runs"]),
    ];

    /// <summary>Goal openings; {0} is the domain's name, {1} the aim.</summary>
    public static readonly string[] Openings = ["in {0}, we want to {1}.", "the aim is to {1}.", "a group in {0} hopes to {1}.", "how can one {1}?"];

    /// <summary>How a feature is told; {0} is the feature.</summary>
    public static readonly string[] Joiners = ["however, {0}.", "note that {0}.", "{0}.", "also, {0}."];

    /// <summary>How a goal ends; may be nothing.</summary>
    public static readonly string[] Tails = ["propose a study.", "what should the group do?", "write a plan.", ""];

    /// <summary>Rubric items; {0} is the facet's noun, {1} the trigger's.</summary>
    public static readonly string[] Items = ["{0} must cope with {1}", "given {1}, {0} has to be sound", "{0} should hold up under {1}", "the plan shows that {1} cannot spoil {0}"];

    /// <summary>Rubric items that also name the virtue; {2} is the virtue.</summary>
    public static readonly string[] VirtueItems = ["{0} must cope with {1} and stay {2}", "given {1}, {0} has to be sound and {2}", "{0} should hold up under {1} and be {2}", "the plan is {2} and {1} cannot spoil {0}"];

    /// <summary>What the virtues are called. The words occur nowhere else: which way has which virtue cannot be guessed from its wording.</summary>
    public static readonly string[][] Virtues = [["balanced", "evenhanded"], ["traceable", "auditable"], ["sturdy", "resilient"]];

    /// <summary>Instead of a way: says nothing.</summary>
    public static readonly string[] Vague = ["with due care", "in some suitable way", "as best possible", "with modern tools"];

    public static readonly string[] Costly = ["at every site worldwide", "with brand new equipment", "many hundred times over"];

    public static readonly string[] Unethical = ["without telling anyone", "while hiding bad outcomes", "ignoring consent"];

    /// <summary>Reasons that fit everything and explain nothing.</summary>
    public static readonly string[] StockReasons = ["it is customary", "reviewers expect it", "it sounds good"];

    /// <summary>Words of the sentence frame, which no list above holds.</summary>
    public static readonly string[] Frame = ["we", "never", "by", "because"];

    /// <summary>Every phrase, placeholders left in.</summary>
    public static IEnumerable<string> AllPhrases =>
    [
        .. DomainNames, .. Topics.SelectMany(x => x), .. Aims.SelectMany(x => x), .. Features.SelectMany(x => x), .. TriggerNouns.SelectMany(x => x),
        .. Facets.SelectMany(x => (string[])[.. x.Actions, .. x.Nouns, .. x.Reasons, .. x.Ways]),
        .. Openings, .. Joiners, .. Tails, .. Items, .. VirtueItems, .. Virtues.SelectMany(x => x),
        .. Vague, .. Costly, .. Unethical, .. StockReasons, .. Frame,
    ];

    /// <summary>Cuts text into words and the marks '.', ',' and '?', each of which stands alone.</summary>
    public static List<string> Tokens(string text)
    {
        var tokens = new List<string>();
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var mark = i < text.Length && text[i] is ('.' or ',' or '?');
            if (i < text.Length && !mark && !char.IsWhiteSpace(text[i]))
            {
                start = start < 0 ? i : start;
                continue;
            }

            if (start >= 0)
            {
                tokens.Add(text[start..i]);
                start = -1;
            }

            if (mark)
            {
                tokens.Add(text[i].ToString());
            }
        }

        return tokens;
    }
}
