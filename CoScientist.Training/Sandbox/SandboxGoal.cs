using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using CoScientist.Core;
using CoScientist.Core.Goals;

namespace CoScientist.Training.Sandbox;

/// <summary>What a goal of the world means, and the seed of its wording.</summary>
/// <param name="Domain">Index in <see cref="SandboxWorld.Domains"/>.</param>
/// <param name="Topic">0 … 7, within the domain.</param>
/// <param name="Aim">0 … 3.</param>
/// <param name="FeatureMask">Bit f set: circumstance f holds; nine bits, two or three of them set.</param>
/// <param name="WordingSeed">Seed of the library's wording of goal and items; not part of the meaning.</param>
public sealed record SandboxGoal(int Domain, int Topic, int Aim, int FeatureMask, int WordingSeed)
{
    /// <summary>Starts every key; another world (other words or rules) would get another name.</summary>
    private const string World = "w1";

    /// <summary>Share of meanings that are held out from training.</summary>
    private const double HeldOutShare = 0.19;

    /// <summary>Name of the domain.</summary>
    public string DomainName => SandboxWorld.Domains[Domain];

    /// <summary>The circumstances that hold, ascending.</summary>
    public IEnumerable<int> Features => Enumerable.Range(0, SandboxWords.Features.Length).Where(feature => (FeatureMask >> feature & 1) == 1);

    /// <summary>The part of the data that the meaning belongs to, whatever the wording: splits never share a meaning.</summary>
    public GoalSplit Split
    {
        get
        {
            var hash = new SeededRandom(0x5EED, Domain, Topic, Aim, FeatureMask);
            return hash.NextDouble() >= HeldOutShare ? GoalSplit.Train : hash.Next(2) == 0 ? GoalSplit.Validation : GoalSplit.Test;
        }
    }

    /// <summary>Text form for <see cref="Goal.ExternalKey"/>: world, domain, topic, aim, features, wording ("w1/ml/3/1/0-4-7/12345").</summary>
    public string ToKey() => string.Create(CultureInfo.InvariantCulture, $"{World}/{DomainName}/{Topic}/{Aim}/{string.Join('-', Features)}/{WordingSeed}");

    /// <summary>Reads <see cref="ToKey"/>'s form where nothing else will do.</summary>
    /// <param name="key">The key.</param>
    /// <param name="id">Id of the library's goal that has it, for the fault.</param>
    /// <exception cref="InvalidDataException">It is anything else.</exception>
    public static SandboxGoal OfKey(string? key, string id) => TryParseKey(key, out var goal)
        ? goal
        : throw new InvalidDataException($"Goal {id} is not a goal of the sandbox's world: its key \"{key}\" cannot be read.");

    /// <summary>Reads <see cref="ToKey"/>'s form; false, with null, for anything else.</summary>
    public static bool TryParseKey(string? key, [NotNullWhen(true)] out SandboxGoal? goal)
    {
        goal = null;
        var parts = key?.Split('/') ?? [];
        if (parts.Length != 6 || parts[0] != World
            || !TryNumber(parts[2], SandboxWords.Topics[0].Length, out var topic)
            || !TryNumber(parts[3], SandboxWords.Aims.Length, out var aim)
            || !TryNumber(parts[5], int.MaxValue, out var wording))
        {
            return false;
        }

        var mask = 0;
        foreach (var part in parts[4].Split('-'))
        {
            if (!TryNumber(part, SandboxWords.Features.Length, out var feature))
            {
                return false;
            }

            mask |= 1 << feature;
        }

        var domain = Array.IndexOf(SandboxWords.Domains, parts[1]);
        var read = new SandboxGoal(domain, topic, aim, mask, wording);
        if (domain < 0 || BitOperations.PopCount((uint)mask) is not (2 or 3) || read.ToKey() != key)
        {
            return false;
        }

        goal = read;
        return true;
    }

    private static bool TryNumber(string text, int limit, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < limit;
}

/// <summary>One thing a good plan for a goal must do: give a facet a way with the needed virtue.</summary>
/// <param name="Trigger">The circumstance, aim or domain that makes it necessary.</param>
/// <param name="Facet">The decision it is about.</param>
/// <param name="Virtue">The virtue that an accepted way has.</param>
public sealed record SandboxRequirement(int Trigger, int Facet, int Virtue);
