namespace CoScientist.Training.Engines;

/// <summary>What a teacher and its student read.</summary>
internal static class DistillationPairs
{
    /// <summary>Checks that they read the same branches.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static void Check(IReadOnlyList<TrainingGroup> students, IReadOnlyList<TrainingGroup> teachers)
    {
        if (students.Count != teachers.Count || !students.Zip(teachers).All(pair => pair.First.Branches.Count == pair.Second.Branches.Count
            && pair.First.Branches.Zip(pair.Second.Branches).All(branch => branch.First.FirstTarget == branch.Second.FirstTarget && branch.First.Tokens.AsSpan().SequenceEqual(branch.Second.Tokens))))
        {
            throw new ArgumentException("A teacher reads the very branches that its student wrote.", nameof(teachers));
        }
    }
}
