namespace CoScientist.Training.Objectives;

/// <summary>
/// Direct preference optimisation (Rafailov et al. 2023): loss = −log σ(β·m) with margin
/// m = (log π − log π_ref)(chosen) − (log π − log π_ref)(rejected), log-probabilities summed over the plan.
/// </summary>
public static class PreferenceObjective
{
    /// <summary>The margin m, in nats.</summary>
    /// <param name="chosen">log π of the preferred plan.</param>
    /// <param name="rejected">log π of the other.</param>
    /// <param name="chosenReference">log π_ref of the preferred plan.</param>
    /// <param name="rejectedReference">log π_ref of the other.</param>
    public static double Margin(double chosen, double rejected, double chosenReference, double rejectedReference) =>
        chosen - chosenReference - (rejected - rejectedReference);

    /// <summary>−log σ(β·m), without overflow for any margin.</summary>
    public static double Loss(double margin, double beta) =>
        Math.Max(0, -beta * margin) + Math.Log(1 + Math.Exp(-Math.Abs(beta * margin)));

    /// <summary>∂loss/∂log π(chosen) = −β·σ(−β·m); that of the rejected plan is its negative.</summary>
    public static double Gradient(double margin, double beta)
    {
        var e = Math.Exp(-Math.Abs(beta * margin));
        return -beta * (beta * margin >= 0 ? e / (1 + e) : 1 / (1 + e));
    }
}
