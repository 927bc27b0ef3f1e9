using System.Globalization;

namespace CoScientist.Tests.Load;

/// <summary>
/// How much load, and which faults. By default a little of everything, so that the suite stays short; on request, by environment variables
/// COSCIENTIST_LOAD_EXPERTS and so on, as much as is asked for and nothing else.
/// </summary>
internal sealed record LoadPlan
{
    /// <summary>Simulated experts, each with an account, a connection and a circuit.</summary>
    public int Experts { get; init; } = 3;

    /// <summary>How long the load lasts after the warm-up, in seconds; longer when the kills need it.</summary>
    public double Seconds { get; init; }

    /// <summary>Seconds from one answer of an expert to the next.</summary>
    public double Pace { get; init; } = 0.05;

    /// <summary>How often the server is killed (SIGKILL) at a random moment, and started again.</summary>
    public int Kills { get; init; } = 1;

    /// <summary>After how many answers of an expert the network is lost in the middle of one; 0 never.</summary>
    public int Cuts { get; init; } = 5;

    /// <summary>Seconds that a lost network stays away; 0 for a moment.</summary>
    public double CutSeconds { get; init; }

    /// <summary>Every how many experts one has a slow machine; 0 nobody.</summary>
    public int Slow { get; init; } = 3;

    /// <summary>Whether the server trains in the sandbox meanwhile; each run that finishes is followed by another.</summary>
    public bool Trains { get; init; }

    /// <summary>Whether somebody asked for it: then the database is also shown to <c>doctor</c>.</summary>
    public bool IsAsked { get; init; }

    /// <summary>Answers of each expert that warm the server up and are not timed.</summary>
    public static int WarmUp => 2;

    /// <summary>
    /// The same of the first expert, who comes alone: on request so many that the code is compiled for good, and what the others bring is memory of experts.
    /// </summary>
    public int Alone => IsAsked ? 60 : WarmUp;

    /// <summary>Goals of the study: an expert meets each once. Default: enough for the load.</summary>
    public int Goals
    {
        get => field > 0 ? field : Math.Clamp((int)(Seconds / Pace) + Alone + 40, 100, 1000);
        init;
    }

    /// <summary>What the environment asks for, else the default.</summary>
    public static LoadPlan Read() => Environment.GetEnvironmentVariable("COSCIENTIST_LOAD_EXPERTS") is null
        ? new LoadPlan()
        : new LoadPlan
        {
            Experts = (int)Number("EXPERTS", 20),
            Seconds = Number("SECONDS", 60),
            Pace = Number("PACE", 5),
            Kills = (int)Number("KILLS", 0),
            Cuts = (int)Number("CUTS", 0),
            CutSeconds = Number("CUT_SECONDS", 0),
            Slow = (int)Number("SLOW", 0),
            Trains = Number("TRAIN", 0) > 0,
            IsAsked = true,
        };

    private static double Number(string name, double otherwise)
    {
        var variable = "COSCIENTIST_LOAD_" + name;
        var text = Environment.GetEnvironmentVariable(variable);
        return text is null ? otherwise
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= 0 ? value
            : throw new ArgumentException($"{variable} is \"{text}\": give a number from 0 on.");
    }
}
